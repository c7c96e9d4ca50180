/** Starts Swagger UI. A file of its own, because the page's policy allows no script inside it. */
globalThis.SwaggerUIBundle({
  url: new URL('v1/openapi.json', location.href).href,
  dom_id: '#reference',
  deepLinking: true,
  displayOperationId: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  filter: true,
  // The validator is a service on the Internet, which is not told of this API.
  validatorUrl: null,
});
