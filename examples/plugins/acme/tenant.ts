// An identifier: the tenant of a request, told in a header, decides where it goes.
import { counter, defineIdentifier, headerName, httpRequest, list, showSegment, text } from "fairlead/plugin";

export const tenant = defineIdentifier({
  doc: "`<dstPrefix>/tenants/<value of a header>`, for tenants that are known.",
  keys: {
    header: headerName({ doc: "The header with the tenant.", default: "x-tenant" }),
    known: list({ doc: "The tenants there are.", required: true }, text({ doc: "A tenant." })),
  },
  metrics: { strangers: counter("Requests of tenants that nobody knows.") },

  make({ header, known }, { metrics, prefix }) {
    const name = header.toLowerCase();
    const tenants = new Set(known);
    return {
      key(ex) {
        const value = httpRequest(ex).get(name);
        if (value === undefined) return null; // the next identifier of the router has its turn
        if (tenants.has(value)) return value;
        metrics.strangers.inc();
        return null;
      },
      path: (key) => `${prefix}/tenants/${showSegment(key)}`,
    };
  },
});
