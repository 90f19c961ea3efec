// Pictures as they are sent: small enough for a slow network, and without what a camera writes into its files.
const EDGE_MAX = 1280
const BYTES_MAX = 880_000

const blobOf = (canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> =>
  new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), type, quality))

/** A photograph as JPEG of at most 1280 pixels. */
export async function small(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file)
  const scale = Math.min(1, EDGE_MAX / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  for (const quality of [0.8, 0.6, 0.4]) {
    const blob = await blobOf(canvas, 'image/jpeg', quality)
    if (blob.size <= BYTES_MAX) return blob
  }
  return blobOf(canvas, 'image/jpeg', 0.2)
}

/** What was drawn, dark on white, whatever the page looks like. */
export const signatureOf = (canvas: HTMLCanvasElement): Promise<Blob> => blobOf(canvas, 'image/png')

/** Where the phone is, if it says so soon. */
export function position(): Promise<{ lat: number; lon: number; accuracy_m: number } | null> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) return resolve(null)
    const timer = setTimeout(() => resolve(null), 6000)
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => (clearTimeout(timer), resolve({ lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy })),
      () => (clearTimeout(timer), resolve(null)),
      { enableHighAccuracy: true, maximumAge: 60_000, timeout: 5000 },
    )
  })
}
