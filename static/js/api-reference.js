// The page /schema: Swagger UI on our own OpenAPI document. The address stands on the element.
const root = document.getElementById("api-reference");
window.SwaggerUIBundle({ domNode: root, url: root.dataset.url, deepLinking: true, validatorUrl: null, tryItOutEnabled: false });
