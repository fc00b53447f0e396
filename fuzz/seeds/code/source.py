import os
def f(x):
    return [os.system(y) for y in x if y]
