// The part of the table in `routes.ts` that is about who may call.
import { z } from 'zod';
import { createdKeySchema, keyCreateSchema, keyListQuerySchema, keyPageSchema, keySchema } from './key.ts';
import { loginEndSchema, loginLinkSchema, loginPageSchema, loginRequestSchema, meSchema } from './login.ts';
import { pageQuerySchema } from './session.ts';

const byId = z.object({ id: z.string().meta({ description: 'The id, as an earlier answer gave it.' }) });
const me = { description: 'Who the caller is.', schema: meSchema };
const ended = { description: 'The sign-in is over.', schema: loginEndSchema };

export const accessRoutes = {
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    summary: 'Make an API key; its text is shown once',
    auth: 'admin',
    body: keyCreateSchema,
    responses: { 201: { description: 'The key, with its text.', schema: createdKeySchema } },
  },
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    summary: 'API keys, newest first',
    auth: 'admin',
    query: keyListQuerySchema,
    responses: { 200: { description: 'One page of keys.', schema: keyPageSchema } },
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/keys/{id}',
    summary: 'Revoke a key, its sign-ins and its open streams',
    auth: 'admin',
    params: byId,
    responses: { 200: { description: 'The key; the same when it was revoked before.', schema: keySchema } },
  },
  me: { method: 'GET', path: '/v1/me', summary: 'Who am I', auth: 'client', responses: { 200: me } },
  createLoginLink: {
    method: 'POST',
    path: '/v1/login-links',
    summary: 'A link that signs in once, within 15 minutes',
    auth: 'admin',
    responses: { 200: { description: 'The link.', schema: loginLinkSchema } },
  },
  login: {
    method: 'POST',
    path: '/v1/login',
    summary: 'Sign in with a one-time token or a key',
    auth: 'public',
    signsIn: true,
    setsCookie: true,
    body: loginRequestSchema,
    responses: { 200: me },
  },
  logout: {
    method: 'POST',
    path: '/v1/logout',
    summary: 'Sign out',
    auth: 'client',
    setsCookie: true,
    responses: { 200: ended },
  },
  listLogins: {
    method: 'GET',
    path: '/v1/logins',
    summary: 'Sign-ins that are not over, newest first',
    auth: 'client',
    query: pageQuerySchema,
    responses: { 200: { description: 'One page of sign-ins.', schema: loginPageSchema } },
  },
  revokeLogin: {
    method: 'DELETE',
    path: '/v1/logins/{id}',
    summary: 'End a sign-in and its open streams',
    auth: 'client',
    params: byId,
    responses: { 200: ended },
  },
} as const;
