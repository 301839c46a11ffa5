// Node's internal/async_hooks: there is nothing to hook into.
module.exports = { symbols: { owner_symbol: Symbol('owner') }, enabledHooksExist: () => false };
