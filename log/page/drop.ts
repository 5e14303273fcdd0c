/**
 * Files dropped anywhere on a page.
 *
 * @module
 */

/** Calls back with the files that are dropped on the window. */
export function acceptDrops(onFiles: (files: readonly File[]) => void): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const mark = (over: boolean) => document.body.classList.toggle("dropping", over);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // Else the browser would open the file.
    mark(true);
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) mark(false);
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    onFiles([...event.dataTransfer!.files]);
  });
}
