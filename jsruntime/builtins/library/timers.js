// Of Node's internal/timers: the longest delay that a timer takes, in ms.
module.exports = { TIMEOUT_MAX: 2 ** 31 - 1 };
