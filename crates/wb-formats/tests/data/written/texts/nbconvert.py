#!/usr/bin/env python
# coding: utf-8

# # A

# In[ ]:


import os
get_ipython().system('echo hello')
os.system('echo hello')

