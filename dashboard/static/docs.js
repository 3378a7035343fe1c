// The API explorer; it only reads: commands belong to the pages, where they ask first.
addEventListener("DOMContentLoaded", () => {
  "use strict";
  SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#docs", supportedSubmitMethods: ["get"], validatorUrl: null });
});
