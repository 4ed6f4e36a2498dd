// Tries every sort of request a page makes, and writes into the page what went well.
const upload = "0123456789".repeat(100_000);

const checks = {
  style: async () => getComputedStyle(document.body).color === "rgb(1, 2, 3)",
  script: async () => window.scriptRan,
  async image() {
    await document.images[0].decode();
    return document.images[0].naturalWidth === 1;
  },
  json: async () => (await (await fetch("/data.json")).json()).answer === 42,
  upload: async () => (await text("/upload", { method: "POST", body: upload })) === upload,
  chunks: async () => (await text("/chunks")) === "one two three",
  async unchanged() {
    await text("/cached");
    return (await text("/cached", { cache: "no-cache" })) === "kept";
  },
  async many() {
    const parts = await Promise.all(Array.from({ length: 60 }, (_, i) => text(`/part?${i}`)));
    return parts.every((part, i) => part === `part ${i}`);
  },
  // Of another site, with a header that the browser asks for permission to send.
  async override() {
    const headers = { "l5d-dtab": "/svc/users => /svc/users-v2" };
    return (await text("http://users/cors", { headers })) === "users-v2 hello\n";
  },
};

async function text(url, options) {
  return (await fetch(url, options)).text();
}

const results = [];
for (const [name, check] of Object.entries(checks)) {
  const result = await check().catch(String);
  results.push(result === true ? name : `${name}: ${result}`);
}
document.getElementById("result").textContent = results.join(", ");
