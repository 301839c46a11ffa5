// Node's internal/util/colors: the log is no terminal, so that nothing is coloured unless the environment or a stream of one's own says so.
module.exports = {
  blue: '', green: '', white: '', yellow: '', red: '', gray: '', clear: '', reset: '', hasColors: false,
  shouldColorize(stream) {
    const force = require('process').env.FORCE_COLOR;
    if (force !== undefined) return force !== '0' && force !== 'false';
    return Boolean(stream?.isTTY) && (typeof stream.getColorDepth === 'function' ? stream.getColorDepth() > 2 : true);
  },
  refresh() {},
};
