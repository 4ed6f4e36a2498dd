// A service on node:http that asks others with it. Nothing in it speaks of fairlead: OpenTelemetry's instrumentation of node:http passes on
// what came with the request. PORT: where it listens; PROXY: host:port it asks.
const { context, propagation } = require("@opentelemetry/api");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");

new NodeTracerProvider().register();
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
const http = require("node:http");

const { PORT, PROXY } = process.env;

function ask(path, res) {
  http.get(`http://${PROXY}${path}`, { headers: { host: "users" } }, async (answer) => {
    const body = Buffer.concat(await answer.toArray()).toString();
    res.end(JSON.stringify({ status: answer.statusCode, cause: answer.headers["fairlead-cause"] ?? null, body }));
  });
}

http
  .createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url, "http://service");
    const path = searchParams.get("path");
    if (pathname === "/call") return ask(path, res);
    // A test that sets the override in code.
    const override = { value: "/svc/users => /svc/users-v2" };
    const baggage = (propagation.getActiveBaggage() ?? propagation.createBaggage()).setEntry("fairlead-dtab", override);
    return context.with(propagation.setBaggage(context.active(), baggage), () => ask(path, res));
  })
  .listen(Number(PORT), "127.0.0.1");
