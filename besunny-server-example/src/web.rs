//! The HTTP side: REST for programs, a console for people, webhooks for providers.
