import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses let the same build stand under /graphiql/ or behind any proxy prefix.
  base: './',
  // Dependencies warn by the hundred about their "use client" lines; only an error is worth reading.
  logLevel: 'error',
  // The JSX transform of vite itself is enough: a plugin for React only adds hot reloading.
  oxc: { jsx: { runtime: 'automatic' } },
  // Monaco's workers import modules of their own.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    sourcemap: false,
    // Compressing every chunk only to print its size costs a second of each cold start.
    reportCompressedSize: false,
    // The editor is one large chunk by nature, and it is loaded from the same machine.
    chunkSizeWarningLimit: 8192,
  },
});
