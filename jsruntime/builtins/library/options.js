// Node's command line: there is none.
module.exports = { getOptionValue: () => undefined };
