//! Policy files and settings.
