/**
 * Where the workers listen, with sockets of their own (`SO_REUSEPORT`): which port "any port" has become, and how a worker
 * gets the socket of the one that it replaces.
 *
 * A place is free, being bound by a worker for the first time, or bound. Those that ask while it is being bound wait, so
 * that two never take two ports for it.
 */
import { sleep, spawn } from "../co/mod.ts";
import { closeHandle, forwardListener, type SocketHandle } from "../host/worker-processes.ts";
import type { WorkerReport } from "../host/worker-messages.ts";
import type { Worker } from "./worker.ts";

/** How long a worker that is to be replaced may take to hand a socket over; then its successor makes one. */
const HAND_OVER_MS = 2_000;

interface Question {
  readonly worker: Worker;
  readonly request: number;
}

interface Place {
  port: number | undefined;
  /** Who binds it for the first time. */
  binder: Worker | undefined;
  readonly waiting: Question[];
}

export class ListeningPlaces {
  readonly #places = new Map<string, Place>();
  /** Sockets that were asked for, by number. */
  readonly #handOvers = new Map<number, (handle: SocketHandle | undefined) => void>();
  #requests = 0;

  /** Takes what a worker reports. Called in a coroutine, which owns what this starts. */
  receive(worker: Worker, report: WorkerReport, handle: SocketHandle | undefined): void {
    switch (report.lunet) {
      case "place":
        return this.#ask(report.place, { worker, request: report.request });
      case "bound":
        return this.#settle(report.place, "port" in report.address ? report.address.port : undefined);
      case "unbound":
        return this.#leave(report.place, worker);
      case "handed-over": {
        const take = this.#handOvers.get(report.request);
        if (take === undefined) closeHandle(handle);
        else take(handle);
        return;
      }
      default:
        return;
    }
  }

  /** A worker has ended: what it was about to bind, another may. */
  forget(worker: Worker): void {
    for (const name of this.#places.keys()) this.#leave(name, worker);
  }

  #place(name: string): Place {
    let place = this.#places.get(name);
    if (place === undefined) this.#places.set(name, (place = { port: undefined, binder: undefined, waiting: [] }));
    return place;
  }

  #ask(name: string, question: Question): void {
    const place = this.#place(name);
    const { worker, request } = question;
    const { predecessor } = worker;
    if (predecessor?.isServing === true && predecessor.places.has(name)) {
      return this.#handOver(name, question, predecessor);
    }
    if (place.port !== undefined) {
      return worker.send({ lunet: "place", request, port: place.port, isFirst: false });
    }
    if (place.binder !== undefined) return void place.waiting.push(question);
    place.binder = worker;
    worker.send({ lunet: "place", request, port: undefined, isFirst: true });
  }

  #settle(name: string, port: number | undefined): void {
    const place = this.#place(name);
    place.port ??= port;
    place.binder = undefined;
    for (const question of place.waiting.splice(0)) this.#ask(name, question);
  }

  #leave(name: string, worker: Worker): void {
    const place = this.#place(name);
    if (place.binder !== worker) return;
    place.binder = undefined;
    for (const question of place.waiting.splice(0)) if (question.worker !== worker) this.#ask(name, question);
  }

  /** Lets the worker that goes give its socket to the one that comes. */
  #handOver(name: string, { worker, request }: Question, predecessor: Worker): void {
    const number = ++this.#requests;
    const take = (handle: SocketHandle | undefined): void => {
      this.#handOvers.delete(number);
      const order = { lunet: "place", request, port: this.#place(name).port, isFirst: false } as const;
      if (handle === undefined) worker.send(order);
      else forwardListener(handle, worker.process, order, { lunet: "connection", place: name });
    };
    const giveUp = spawn(
      async () => {
        await sleep(HAND_OVER_MS);
        take(undefined);
      },
      { name: "hand over" },
    );
    this.#handOvers.set(number, (handle) => {
      giveUp.cancel();
      take(handle);
    });
    predecessor.send({ lunet: "hand-over", request: number, place: name });
  }
}
