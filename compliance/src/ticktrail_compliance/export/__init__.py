"""Exports of the audit log: a folder that anybody can check, and the program that checks it."""
