module.exports = { queueMicrotask };
