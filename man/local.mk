dist_man_MANS += man/thinet-tui.1
dist_man_MANS += man/thinet-session.5
