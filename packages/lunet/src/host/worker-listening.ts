/**
 * How a worker listens where its siblings listen too.
 *
 * - `reuse-port`: each process has a socket of its own on the port, and the kernel deals connections out by a hash.
 *   Closing such a socket would reset the connections that wait in it, so in a reload it is never closed: the old process
 *   hands it over to the new one, by way of the supervisor.
 * - `cluster`: the supervisor has the one socket, accepts, and deals connections out in turn. So it is for Unix sockets,
 *   and where the system does not deal out.
 */
import { Server, Socket } from "node:net";
import {
  adoptSocket,
  listenStream,
  type BoundListener,
  type Endpoint,
  type ListenEvents,
  type ListenStreamOptions,
} from "./tcp.ts";
import {
  awaitSupervisor,
  hasSupervisor,
  joinSupervisor,
  onOrder,
  report,
  SHARING_VARIABLE,
  workerNumber,
} from "./worker-channel.ts";
import type { WorkerOrder } from "./worker-messages.ts";

type Bound = (error: Error | undefined, listener: BoundListener | undefined) => void;

/** What listens in this process, by place. */
interface Place {
  readonly events: ListenEvents;
  listener: BoundListener | undefined;
}

const places = new Map<string, Place>();
const asked = new Map<number, (order: WorkerOrder & { lunet: "place" }, handle: Server | undefined) => void>();
/** What keeps the process until the supervisor has answered, by number. */
const left = new Map<number, () => void>();
/** How many listeners have asked for any port, by host. */
const anyPorts = new Map<string, number>();
let requests = 0;
let isReady = false;

/** True where a supervisor decides how to listen. */
export function listensInWorker(): boolean {
  return workerNumber() !== undefined;
}

/** As `listenStream`, on a place that all workers share. */
export function listenInWorker(
  endpoint: Endpoint,
  options: ListenStreamOptions,
  events: ListenEvents,
  bound: Bound,
): () => void {
  joinSupervisor();
  const place = placeOf(endpoint);
  const answered = awaitSupervisor();
  const settle: Bound = (error, listener) => {
    answered();
    if (listener === undefined) report({ lunet: "unbound", place });
    else report({ lunet: "bound", place, address: listener.address });
    bound(error, listener);
  };
  obeyOrders();
  const isReusing = !("path" in endpoint) && process.env[SHARING_VARIABLE] === "reuse-port" && hasSupervisor();
  const giveUp = isReusing
    ? listenReusing(endpoint, place, options, events, settle)
    : listenStream(endpoint, { ...options, sharing: "cluster" }, events, (error, listener) => {
        settle(error, listener === undefined ? undefined : stayingForOthers(listener));
      });
  return () => {
    answered();
    report({ lunet: "unbound", place });
    giveUp();
  };
}

function placeOf(endpoint: Endpoint): string {
  if ("path" in endpoint) return endpoint.path;
  const { host, port } = endpoint;
  if (port !== 0) return `${host} ${port}`;
  const which = (anyPorts.get(host) ?? 0) + 1;
  anyPorts.set(host, which);
  return `${host} any #${which}`;
}

function listenReusing(
  endpoint: { readonly host: string; readonly port: number },
  name: string,
  options: ListenStreamOptions,
  events: ListenEvents,
  settle: Bound,
): () => void {
  const request = ++requests;
  let giveUp = (): void => void asked.delete(request);
  asked.set(request, ({ port, isFirst }, handle) => {
    asked.delete(request);
    const place: Place = { events, listener: undefined };
    places.set(name, place);
    const sharing = handle ?? (isFirst ? "reuse-port-first" : "reuse-port");
    giveUp = listenStream(
      { ...endpoint, port: port ?? endpoint.port },
      { ...options, sharing },
      events,
      (error, listener) => {
        place.listener = listener === undefined ? undefined : leaving(listener, () => forget(name, place));
        if (listener === undefined) forget(name, place);
        settle(error, place.listener);
      },
    );
  });
  report({ lunet: "place", request, place: name });
  return () => giveUp();
}

function obeyOrders(): void {
  if (isReady) return;
  isReady = true;
  onOrder(obey);
}

/**
 * After such a listener is closed, connections may be on their way that were dealt out to this process before the
 * supervisor knew. The cluster module sends them back, but only while the process lives: so it stays until none can come.
 */
function stayingForOthers(listener: BoundListener): BoundListener {
  return {
    ...listener,
    close(done) {
      listener.close(done);
      if (!hasSupervisor()) return;
      const request = ++requests;
      left.set(request, awaitSupervisor());
      report({ lunet: "left", request });
    },
  };
}

function leaving(listener: BoundListener, hasLeft: () => void): BoundListener {
  return {
    ...listener,
    close(done) {
      hasLeft();
      listener.close(done);
    },
  };
}

function forget(name: string, place: Place): void {
  if (places.get(name) === place) places.delete(name);
}

function obey(order: WorkerOrder, handle: Server | Socket | undefined): void {
  switch (order.lunet) {
    case "place": {
      const answer = asked.get(order.request);
      if (answer !== undefined) answer(order, handle instanceof Server ? handle : undefined);
      else if (handle instanceof Server) handle.close();
      return;
    }
    case "left":
      left.get(order.request)?.();
      left.delete(order.request);
      return;
    case "hand-over": {
      const { listener } = places.get(order.place) ?? {};
      report({ lunet: "handed-over", request: order.request }, listener?.server);
      return;
    }
    case "connection": {
      const place = places.get(order.place);
      if (handle instanceof Socket) {
        if (place === undefined) handle.destroy();
        else place.events.onConnection(adoptSocket(handle));
      }
      return;
    }
    default:
      return;
  }
}
