// zod: a body checked, transformed, and refused with reasons.
import { z } from 'zod';

const Order = z.object({
  id: z.coerce.number().int().positive(),
  email: z.email(),
  items: z.array(z.object({ sku: z.string().min(2), count: z.number().default(1) })).nonempty(),
  due: z.iso.date().transform((text) => new Date(text)).optional(),
});

export default {
  async fetch(request: Request) {
    const result = Order.safeParse(await request.json());
    if (!result.success) return Response.json(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`), { status: 422 });
    return Response.json({ ...result.data, year: result.data.due?.getUTCFullYear() });
  },
};
