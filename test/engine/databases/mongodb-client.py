#!/usr/bin/env python3
"""Fills a MongoDB server for the conformance suite, and looks at it with MongoDB's own driver.

Usage: mongodb-client.py COMMAND [DATABASE]; user and password are in MONGO_USER and MONGO_PASSWORD.
"""
import datetime
import hashlib
import os
import random
import sys

import bson
import gridfs
import pymongo
from bson import json_util

UTC = datetime.timezone.utc


def connect():
    return pymongo.MongoClient(
        '127.0.0.1', 27017, username=os.environ['MONGO_USER'], password=os.environ['MONGO_PASSWORD'],
        directConnection=True, serverSelectionTimeoutMS=60_000)


def initiate(client):
    client.admin.command('replSetInitiate', {'_id': 'rs0', 'members': [{'_id': 0, 'host': '127.0.0.1:27017'}]})


def fill(client, main, hostile, empty):
    generator = random.Random('lifeboat')
    database = client[main]
    messages = database.create_collection('messages', validator={'$jsonSchema': {'bsonType': 'object', 'required': ['n']}}, validationLevel='off')
    messages.insert_many([{'text': 'older than the rule'}])
    database.command('collMod', 'messages', validationLevel='strict')
    for start in range(0, 20_000, 1000):
        messages.insert_many(
            {'n': n, 'text': f'Nachricht {n} äöü 漢字 🛟 \\ \' " $(id)\0', 'at': datetime.datetime(1901, 2, 3, 4, 5, 6, 789000, UTC) + datetime.timedelta(hours=n),
             'weight': [float('nan'), float('inf'), -0.1, -0.0][n % 4], 'price': bson.Decimal128(f'{n}.10'), 'raw': bson.Binary(bytes([n % 256, 0, 255]), 128),
             'deep': {'7': n, 'a': [{'b': None}, bson.Int64(2 ** 62)]}, 'key': n % 10}
            for n in range(start, start + 1000))
    messages.create_index('n', unique=True, name='once "only" $x', partialFilterExpression={'n': {'$gt': 5}})
    messages.create_index([('text', 'text'), ('key', 1)], default_language='none', weights={'text': 3})
    messages.create_index([('b', 1), ('7', -1)])
    messages.create_index([('place', '2dsphere')], sparse=True)
    messages.create_index([('deep.$**', 1)])
    messages.create_index('expires', expireAfterSeconds=10 ** 9, hidden=True)
    messages.create_index([('text', 1)], collation={'locale': 'de', 'strength': 2}, name='collated')
    database['odd'].insert_many([
        {'_id': 'infinity', 'v': float('-inf')}, {'_id': 1, 'v': None}, {'_id': 2.5, 'v': True}, {'_id': 'smallest', 'v': bson.Decimal128('1E-6176')},
        {'_id': 'before 1970', 'v': bson.DatetimeMS(-2 ** 62)}, {'_id': 'uuid', 'v': bson.Binary(bytes(16), 4)}, {'_id': 'regex', 'v': bson.Regex('a/b"c', 'im')},
        {'_id': 'code', 'v': bson.Code('return x', {'x': 1})}, {'_id': 'stamp', 'v': bson.Timestamp(1, 2)}, {'_id': 'min', 'v': bson.MinKey()}, {'_id': 'max', 'v': bson.MaxKey()},
        {'_id': {'a': 1}, 'v': {}}, {'_id': 'dollar', 'v': {'$ref_like': 1, 'a.b': 2, '': 0}}, {'_id': 'none', 'v': b''}, {'_id': 'text', 'v': ''},
        {'_id': bson.ObjectId('0' * 24), 'v': bson.DBRef('odd', 1)},
    ])
    database['large'].insert_one({'_id': 1, 'v': generator.randbytes(15_000_000)})
    database['large'].insert_one({'_id': 2, 'v': 'x' * 15_700_000})
    database['large'].insert_one({})
    database.create_collection('empty', collation={'locale': 'de', 'strength': 2})
    database.create_collection('clustered', clusteredIndex={'key': {'_id': 1}, 'unique': True, 'name': 'by key'})
    database['clustered'].insert_many({'_id': n} for n in range(50))
    database.create_collection('readings', timeseries={'timeField': 'at', 'metaField': 'sensor', 'granularity': 'minutes'}, expireAfterSeconds=10 ** 9)
    moment = datetime.datetime(2024, 1, 1, tzinfo=UTC)
    database['readings'].insert_many({'at': moment + datetime.timedelta(minutes=n), 'sensor': n % 3, 'value': n / 7} for n in range(3000))
    database['readings'].create_index([('sensor', 1), ('at', -1)])
    database.create_collection('short "view"', viewOn='messages', pipeline=[{'$match': {'n': {'$gt': 5}}}, {'$project': {'n': 1, '7': '$key'}}], collation={'locale': 'de'})
    database.create_collection('a view of a view', viewOn='short "view"', pipeline=[], collation={'locale': 'de'})
    database['odd `touch /tmp/canary`; "name".with dots'].insert_one({'x': 1})
    database['x' * 120].insert_one({'x': 1})
    bucket = gridfs.GridFSBucket(database)
    for n in range(3):
        bucket.upload_from_stream(f'file {n}.bin', generator.randbytes(3_000_000 * n), metadata={'n': n})
    database['left_half'].insert_one({})
    database['right_half'].insert_one({})
    database.command('createRole', 'les"er', roles=[], privileges=[{'resource': {'db': main, 'collection': 'messages'}, 'actions': ['find']}])
    database.command('createUser', "app'; user", pwd='a secret', roles=['readWrite', 'les"er'], customData={'for': 'the app'})
    client[hostile]['t "a\'b'].insert_many([{'x': 'ä'}, {'x': '$(touch /tmp/canary)\n'}])
    capped = client[hostile].create_collection('capped', capped=True, size=64 * 1024, max=100)
    capped.insert_many({'n': n} for n in range(150))
    client[hostile]['system.js'].insert_one({'_id': 'twice', 'value': bson.Code('function (x) { return x * 2 }')})
    client[empty].create_collection('nothing')


def raw(database, name):
    return database.get_collection(name, codec_options=bson.CodecOptions(document_class=bson.raw_bson.RawBSONDocument))


def hash_of(documents, in_order):
    hashes = [hashlib.md5(document.raw).digest() for document in documents]
    return f'{len(hashes)} {hashlib.md5(b"".join(hashes if in_order else sorted(hashes))).hexdigest()}'


def text(value):
    return json_util.dumps(value)


def describe(client, name):
    database = client[name]
    infos = [info for info in database.list_collections() if not info['name'].startswith('lifeboat-')]
    for info in sorted(infos, key=lambda each: each['name']):
        own = info['name']
        if own.startswith('system.') and own not in ('system.js',):
            continue
        yield text([own, info['type'], info['options']])
        yield hash_of(raw(database, own).find({}), info['options'].get('capped', False))
        if info['type'] != 'view':
            yield '\n'.join(sorted(text(dict(index)) for index in database[own].list_indexes()))
        if info['type'] == 'timeseries':
            yield hash_of(raw(database, 'system.buckets.' + own).find({}), False)
    for kind in ('users', 'roles'):
        for entry in client.admin[f'system.{kind}'].find({'db': name}).sort('_id'):
            yield text(entry)


def fingerprint(client, name):
    if name in client.list_database_names():
        print('\n'.join(describe(client, name)))


def damage(client, name):
    database = client[name]
    if 'messages' not in database.list_collection_names():
        database['damage'].insert_one({'a': 1})
        return
    database['messages'].delete_many({'n': {'$mod': [3, 0]}})
    database['messages'].drop_index('collated')
    database['large'].drop()
    database['readings'].drop()
    database['readings'].insert_one({'it': 'is another now'})
    database['empty'].drop()
    database.create_collection('empty', viewOn='odd', pipeline=[])
    database['short "view"'].drop()
    database.create_collection('short "view"', viewOn='odd', pipeline=[], collation={'locale': 'de'})
    database['unwanted'].insert_one({'a': 1})


def fill_kinds(client, name):
    """One of each kind that a restore has to switch."""
    database = client[name]
    database['a'].insert_many({'n': n} for n in range(10))
    database['a'].create_index('n', unique=True)
    database['both'].insert_one({'it': 'was a collection'})
    database.create_collection('capped', capped=True, size=4096)
    database['capped'].insert_many({'n': n} for n in range(10))
    database.create_collection('readings', timeseries={'timeField': 'at', 'metaField': 'sensor'})
    moment = datetime.datetime(2024, 1, 1, tzinfo=UTC)
    database['readings'].insert_many({'at': moment + datetime.timedelta(minutes=n), 'sensor': n % 3} for n in range(30))
    database['readings'].create_index('sensor')
    database.create_collection('view', viewOn='a', pipeline=[{'$match': {'n': 5}}])
    database['system.js'].insert_one({'_id': 'twice', 'value': bson.Code('function (x) { return x * 2 }')})


def damage_kinds(client, name):
    database = client[name]
    database['a'].delete_many({'n': {'$gt': 3}})
    database['both'].drop()
    database.create_collection('both', viewOn='a', pipeline=[])
    database['view'].drop()
    database['view'].insert_one({'it': 'is a collection now'})
    database['readings'].delete_many({'sensor': 2})
    database['system.js'].insert_one({'_id': 'other', 'value': 1})
    database['capped'].drop()
    database['new'].insert_one({})


def drop_people(client, name):
    client[name].command('dropUser', "app'; user")
    client[name].command('dropRole', 'les"er')


def log_in(client, name):
    """The app's own user comes in with its own password, and may do what it may."""
    app = pymongo.MongoClient('127.0.0.1', username="app'; user", password='a secret', authSource=name, directConnection=True)
    print(app[name]['odd'].count_documents({}))


def lose(client, name):
    client.drop_database(name)


def surroundings(client):
    print('\n'.join(sorted(client.list_database_names())))
    for kind in ('users', 'roles'):
        print('\n'.join(sorted(str(each['_id']) for each in client.admin[f'system.{kind}'].find({}))))
    for name in client.list_database_names():
        print(name, [each for each in client[name].list_collection_names() if each.startswith('lifeboat-')])


def grow(client, name):
    generator = random.Random('large')
    for start in range(0, 100_000, 5000):
        client[name]['t'].insert_many({'n': n, 'v': generator.randbytes(1024)} for n in range(start, start + 5000))


def password(client, other):
    client.admin.command('updateUser', os.environ['MONGO_USER'], pwd=other)


def sessions(client):
    found = client.admin.aggregate([{'$currentOp': {'allUsers': True, 'idleConnections': True}}, {'$match': {'appName': 'lifeboat'}}])
    print(len(list(found)))


globals()[sys.argv[1]](connect(), *sys.argv[2:])
