// Of Node's library, what no function comes to: paths are not matched with files, and modules are in the bundle.
const absent = (what) => () => { throw Object.assign(new Error(`${what} is not available here`), { code: 'ERR_METHOD_NOT_IMPLEMENTED' }); };
module.exports = { matchGlobPattern: absent('path.matchesGlob'), shouldColorize: () => false, getRequireStack: () => [], urlToFilename: String };
