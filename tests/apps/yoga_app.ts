// graphql-yoga: a query, a mutation, an error.
import { createSchema, createYoga } from 'graphql-yoga';

const notes: string[] = [];
const yoga = createYoga({
  schema: createSchema({
    typeDefs: 'type Query { hello(name: String!): String!, notes: [String!]!, fail: Int } type Mutation { add(text: String!): Int! }',
    resolvers: {
      Query: {
        hello: (_: unknown, { name }: { name: string }) => `Hello ${name}`, notes: () => notes,
        fail: () => { throw new Error('inside'); },
      },
      Mutation: { add: async (_: unknown, { text }: { text: string }) => notes.push(text) },
    },
  }),
  graphqlEndpoint: '/yoga/graphql',
  graphiql: false,
  logging: false,
});
export default { fetch: (request: Request, env: object, ctx: object) => yoga.fetch(request, env, ctx) };
