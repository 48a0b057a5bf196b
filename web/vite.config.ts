import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npm run dev:web` talks to the agent of this clone, at its usual port. */
const AGENT = 'http://127.0.0.1:8000';

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that any path prefix works without configuration.
  base: './',
  plugins: [react(), tailwindcss()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // Every file is served by its own name from one folder.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: { port: 5173, proxy: { '/v1': { target: AGENT }, '/health': { target: AGENT }, '/docs': { target: AGENT } } },
});
