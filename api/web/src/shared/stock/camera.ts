// Codes that a camera sees, where the browser can read them by itself.
interface Seen {
  rawValue: string
}
interface Detector {
  detect: (source: HTMLVideoElement) => Promise<Seen[]>
}
type DetectorOf = new (options?: { formats?: string[] }) => Detector

const EVERY_MS = 200
const detectorOf = (): DetectorOf | undefined => (globalThis as { BarcodeDetector?: DetectorOf }).BarcodeDetector

export const canSee = (): boolean => detectorOf() !== undefined && typeof navigator.mediaDevices?.getUserMedia === 'function'

/** The first code that is seen; undefined when `signal` ends it. The camera is let go of in any case. */
export async function look(video: HTMLVideoElement, signal: AbortSignal): Promise<string | undefined> {
  const Of = detectorOf()
  if (!Of) return undefined
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    const detector = new Of()
    video.srcObject = stream
    await video.play()
    while (!signal.aborted) {
      const [first] = await detector.detect(video)
      if (first?.rawValue) return first.rawValue
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
    return undefined
  } finally {
    for (const track of stream.getTracks()) track.stop()
    video.srcObject = null
  }
}
