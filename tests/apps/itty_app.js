// itty-router: AutoRouter.
import { AutoRouter, error } from 'itty-router';

const router = AutoRouter({ base: '/itty' });
router.get('/add/:a/:b', ({ a, b }) => ({ sum: Number(a) + Number(b) }));
router.post('/echo', async (request) => ({ got: await request.json() }));
router.get('/fail', () => error(409, 'taken'));
export default { ...router };
