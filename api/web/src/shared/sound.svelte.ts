// A sound for new critical alerts: a choice of this browser, off until it is chosen. A browser lets a page sound only once
// somebody has touched it; until then it is said that it is mute.
import { keep, recall } from '#shared/kept.ts'

const KEY = 'frostway-sound'
const TONES_HZ = [880, 660, 880]
const TONE_S = 0.18

class Sound {
  on = $state(recall(KEY) === '1')
  /** It is on, and the browser does not let it out yet. */
  held = $state(false)
  #context: AudioContext | undefined

  /** The one who chooses it hears what it is like. */
  choose(on: boolean): void {
    this.on = on
    keep(KEY, on ? '1' : null)
    if (on) this.ring()
    else this.held = false
  }

  /** After a reload: it is let out with the first touch or key. */
  wait(): () => void {
    if (!this.on) return () => undefined
    this.held = !this.#wake()
    const touch = (): void => void this.#context?.resume().then(() => (this.held = false))
    addEventListener('pointerdown', touch, { once: true })
    addEventListener('keydown', touch, { once: true })
    return () => {
      removeEventListener('pointerdown', touch)
      removeEventListener('keydown', touch)
    }
  }

  ring(): void {
    if (!this.on) return
    this.held = !this.#wake()
    const context = this.#context
    if (!context || this.held) return
    for (const [n, hz] of TONES_HZ.entries()) {
      const at = context.currentTime + n * TONE_S
      const [tone, volume] = [context.createOscillator(), context.createGain()]
      tone.frequency.value = hz
      volume.gain.setValueAtTime(0.2, at)
      volume.gain.exponentialRampToValueAtTime(0.001, at + TONE_S)
      tone.connect(volume).connect(context.destination)
      tone.start(at)
      tone.stop(at + TONE_S)
    }
  }

  /** Whether it may sound. */
  #wake(): boolean {
    this.#context ??= typeof AudioContext === 'undefined' ? undefined : new AudioContext()
    if (this.#context?.state === 'suspended' && navigator.userActivation?.hasBeenActive) void this.#context.resume()
    return this.#context?.state === 'running' || !!navigator.userActivation?.hasBeenActive
  }
}

export const sound = new Sound()
