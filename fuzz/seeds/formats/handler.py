import os


def handle(data):
    return os.environ


os.system('id')
