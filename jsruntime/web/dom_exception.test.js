// DOMException (Web IDL 2.8.1, 3.14).

test('name, message, code', () => {
  const error = new DOMException('what', 'NotFoundError');
  same([error.name, error.message, error.code], ['NotFoundError', 'what', 8]);
  same([new DOMException().name, new DOMException().message, new DOMException().code], ['Error', '', 0]);
  equal(new DOMException('m').name, 'Error');
  equal(new DOMException(undefined, undefined).name, 'Error');
  equal(new DOMException(null, null).message, 'null');
  equal(new DOMException('m', '').code, 0);
  equal(new DOMException('m', 'MyError').code, 0);
  equal(String(error), 'NotFoundError: what');
});

test('codes', () => {
  const codes = { IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5,
    NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10, InvalidStateError: 11, SyntaxError: 12,
    InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18, NetworkError: 19,
    AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24, DataCloneError: 25,
    EncodingError: 0, NotReadableError: 0, UnknownError: 0, ConstraintError: 0, DataError: 0, OperationError: 0, NotAllowedError: 0 };
  for (const [name, code] of Object.entries(codes)) equal(new DOMException('', name).code, code, name);
});

test('constants stand on the class and on its instances', () => {
  const constants = { INDEX_SIZE_ERR: 1, DOMSTRING_SIZE_ERR: 2, NOT_FOUND_ERR: 8, VALIDATION_ERR: 16, QUOTA_EXCEEDED_ERR: 22, DATA_CLONE_ERR: 25 };
  for (const [name, value] of Object.entries(constants)) {
    equal(DOMException[name], value, name);
    equal(new DOMException()[name], value, name);
    same(Object.getOwnPropertyDescriptor(DOMException, name), { value, writable: false, enumerable: true, configurable: false });
  }
  equal(Object.keys(DOMException).length, 25);
});

test('is an Error with a stack', () => {
  const error = new DOMException('deep', 'DataError');
  ok(error instanceof Error);
  ok(error instanceof DOMException);
  ok(Error.isError(error));
  ok(!error.stack.includes('at new DOMException'), error.stack);
  ok(error.stack.startsWith('DataError: deep\n'), error.stack);
  equal(Object.prototype.toString.call(error), '[object DOMException]');
  same(Object.keys(error), []);
});

test('cause', () => {
  equal(new DOMException('m', { name: 'DataError', cause: 1 }).cause, 1);
  equal(new DOMException('m', { name: 'DataError' }).name, 'DataError');
  ok(!('cause' in new DOMException('m', 'DataError')));
});

test('brand', () => {
  throws(() => Object.getOwnPropertyDescriptor(DOMException.prototype, 'name').get.call({}), TypeError);
  throws(() => DOMException.prototype.message, TypeError);
});

test('interface', () => checkInterface('DOMException', 0, ['name', 'message', 'code']));
