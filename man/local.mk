dist_man_MANS += man/thinet-tui.1
