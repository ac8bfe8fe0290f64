'use strict';

// The content security policy lets this page speak to its own origin only, and so a token that is pasted here goes
// nowhere else. It is forgotten with the page, and no validator elsewhere is shown the contract.
SwaggerUIBundle({
  url: '/openapi.yaml',
  dom_id: '#swagger-ui',
  validatorUrl: null,
  persistAuthorization: false,
  queryConfigEnabled: false,
  deepLinking: true,
  showExtensions: true, // x-roles: who may
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
});
