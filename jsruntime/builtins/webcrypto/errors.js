// DOMExceptions of Web Cryptography, by their names there.
const make = (name) => (message) => internal.domException(message, name);
export const dataError = make('DataError');
export const invalidAccess = make('InvalidAccessError');
export const notSupported = make('NotSupportedError');
export const operationError = make('OperationError');
export const syntaxError = make('SyntaxError');
