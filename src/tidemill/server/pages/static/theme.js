// Before the first paint: the theme that the reader chose on this device, or the system's.
const chosen = localStorage.getItem("tidemill-theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
