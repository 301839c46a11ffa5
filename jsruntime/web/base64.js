// atob and btoa (HTML 8.3).

internal.exposeOperation('atob', {
  atob(data) {
    internal.required(arguments.length, 1, 'atob');
    const text = native.base64Decode(`${data}`);
    if (text === undefined) {
      throw internal.domException('atob: the string is not correctly encoded.', 'InvalidCharacterError');
    }
    return text;
  },
}.atob);

internal.exposeOperation('btoa', {
  btoa(data) {
    internal.required(arguments.length, 1, 'btoa');
    const text = native.base64Encode(`${data}`);
    if (text === undefined) {
      throw internal.domException('btoa: the string has characters outside of Latin-1; encode it to bytes first.',
        'InvalidCharacterError');
    }
    return text;
  },
}.btoa);
