/** An outage is told once: what fails while the service is away fails for the same reason. */

export interface Outage {
  failed(error: unknown): void;
  /** The service has answered. */
  over(): void;
}

export function createOutage(onError: (error: unknown) => void): Outage {
  let isOn = false;
  return {
    failed(error) {
      if (!isOn) onError(error);
      isOn = true;
    },
    over() {
      isOn = false;
    },
  };
}
