// A client whose gateways are played by the test.
import { create, toBinary } from "@bufbuild/protobuf";
import { ChasquiClient } from "../dist/index.js";
import { Peer, type } from "./peer.js";

export const pack = (schema, init) => toBinary(schema, create(schema, init));

/** Each dial gives a new peer, or fails where `dialed` throws. */
export function connect(options = {}, dialed = () => {}) {
  const peers = [];
  peers.came = new EventTarget();
  const client = new ChasquiClient("ws://test/ws", {
    backoffMs: 4,
    random: () => 1,
    ...options,
    dial: async () => {
      dialed(peers.length);
      const peer = new Peer();
      peers.push(peer);
      peer.greeted = () => peer.hello();
      peers.came.dispatchEvent(new Event("peer"));
      return peer.transport;
    },
  });
  return { client, peers };
}

/** The next request that a peer gets; waits for the peer too. */
export async function request(peers, index) {
  while (peers[index] === undefined) {
    await new Promise((resolve, reject) => {
      const patience = setTimeout(() => reject(new Error("nobody dialed")), 5_000);
      peers.came.addEventListener("peer", () => (clearTimeout(patience), resolve()), { once: true });
    });
  }
  return peers[index].next(type.request);
}
