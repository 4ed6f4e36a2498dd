// Transformers that keep some of the addresses.
import { type AddressState, type EndpointAddress, negAddresses } from "../../core/endpoint.ts";

/** The addresses that `keeps` says; none left is neg (Linkerd `FilteringNameTreeTransformer`), and what is not known is not judged. */
export function filtered(state: AddressState, keeps: (address: EndpointAddress) => boolean): AddressState {
  if (state.at !== "bound") return state;
  const addresses = state.addresses.filter(keeps);
  return addresses.length === 0 ? negAddresses : { at: "bound", addresses };
}
