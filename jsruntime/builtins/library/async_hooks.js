// Node's internal/async_hooks: there is nothing to hook into.
module.exports = { enabledHooksExist: () => false };
