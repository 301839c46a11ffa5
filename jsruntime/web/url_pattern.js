// URLPattern (URL Pattern standard), by the library urlpattern-polyfill. Lazy.

const { URLPattern } = internal.npm('urlpattern-polyfill/dist/urlpattern.cjs');
delete URLPattern.compareComponent;  // the library's own
internal.shapeInterface(URLPattern, 'URLPattern');

return { URLPattern };
