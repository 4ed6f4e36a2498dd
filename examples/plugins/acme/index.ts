// The plug-in: what it adds, by kind.
import { definePlugin } from "fairlead/plugin";
import { bursts } from "./bursts.ts";
import { hosts } from "./hosts.ts";
import { tenant } from "./tenant.ts";
import { tickets } from "./tickets.ts";

export const plugin = definePlugin({
  name: "acme",
  identifiers: { "acme.tenant": tenant },
  namers: { "acme.hosts": hosts },
  accruals: { "acme.bursts": bursts },
  filters: { "acme.tickets": tickets },
});
