// Swagger UI on our document.

const place = document.getElementById("swagger-ui");

window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
