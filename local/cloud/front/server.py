"""The front plays every Application Load Balancer: one TLS port, one plain port, both on 127.0.0.1.

Requests are streamed to whatever the Kubernetes stand-in says is behind the node port of the target group.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from local.cloud import targets
from local.cloud.cloud import Cloud
from local.cloud.front import routing
from local.cloud.front.certificates import Certificates

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade"}
)
IDLE_SECONDS = 60  # ALB's default idle timeout
CHUNK_BYTES = 64 * 1024
PAGES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}

log = logging.getLogger("hubplane.cloud.front")


class Front:
    """Serves until ``close``; ``tls_port`` and ``plain_port`` are known after ``start``."""

    def __init__(self, cloud: Cloud, certificates: Certificates) -> None:
        self._cloud = cloud
        self._certificates = certificates
        self._runners: list[web.AppRunner] = []
        self._session: aiohttp.ClientSession | None = None
        self.tls_port = 0
        self.plain_port = 0

    async def start(self) -> None:
        """Listen on two free ports."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=IDLE_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        self.tls_port = await self._listen("https")
        self.plain_port = await self._listen("http")

    async def close(self) -> None:
        """Stop listening."""
        for runner in self._runners:
            await runner.cleanup()
        if self._session:
            await self._session.close()

    async def _listen(self, scheme: str) -> int:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, scheme)

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        context = self._certificates.server_context() if scheme == "https" else None
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    async def _answer(self, request: web.BaseRequest, scheme: str) -> web.StreamResponse:
        # As it came: a normalised path is another path to a hub that compares signatures or encoded names.
        path, _, raw_query = request.raw_path.partition("?")
        asked = routing.Asked(
            method=request.method,
            scheme=scheme,
            host=request.headers.get("Host", ""),
            path=path,
            raw_query=raw_query,
            query={key: request.query.getall(key) for key in request.query},
            headers={key.lower(): value for key, value in request.headers.items()},
            client_ip=request.remote or "127.0.0.1",
        )
        balancer = routing.balancer_for(asked.host, self._cloud.front_hosts)
        if balancer is None:
            return _page(503, f"no load balancer answers for {asked.host}: POST /_hubplane/front/hosts names one")
        listener = routing.listener_for(balancer, scheme)
        port = int(listener["Port"]) if listener else 0
        if listener is None or not routing.admits(balancer, port, asked.client_ip):
            log.warning("%s: %s on %s is not let in", balancer["LoadBalancerName"], asked.client_ip, scheme)
            # What a closed security group looks like from outside: no answer at all.
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError
        action = routing.action_for(listener, asked)
        if action is None:
            return _page(503)
        if action["Type"] == "redirect":
            config = action["RedirectConfig"]
            location = routing.redirect_location(config, asked, port, {443: self.tls_port, 80: self.plain_port})
            status = int(config.get("StatusCode", "HTTP_302").removeprefix("HTTP_"))
            return web.Response(status=status, headers={"Location": location, "Server": "awselb/2.0"})
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            content_type = config.get("ContentType") or "text/plain"
            return web.Response(status=int(config["StatusCode"]), text=config.get("MessageBody", ""), content_type=content_type)
        return await self._forward(request, asked, action, port)

    async def _forward(
        self, request: web.BaseRequest, asked: routing.Asked, action: dict[str, object], port: int
    ) -> web.StreamResponse:
        found: list[targets.Target] = []
        for arn in targets.forwarded_to(action):
            # Off the event loop: the stand-in may ask this emulator something before it answers.
            found += await asyncio.to_thread(targets.targets, self._cloud.stand_in, arn)
        if not found:
            return _page(503)
        ready = [target.answers_at for target in found if target.answers_at.reachable]
        if not ready:
            return _page(502, found[0].answers_at.reason)
        url = URL(f"http://{ready[0].host}:{ready[0].port}{request.raw_path}", encoded=True)
        headers = CIMultiDict((key, value) for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP)
        known = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{known}, {asked.client_ip}" if known else asked.client_ip
        headers["X-Forwarded-Proto"] = asked.scheme
        headers["X-Forwarded-Port"] = str(port)
        return await self._stream(request, url, headers)

    async def _stream(self, request: web.BaseRequest, url: URL, headers: CIMultiDict[str]) -> web.StreamResponse:
        assert self._session is not None  # noqa: S101  start() made it
        body = request.content if request.body_exists else None
        try:
            async with self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
                response = web.StreamResponse(status=answer.status, reason=answer.reason)
                for key, value in answer.headers.items():
                    if key.lower() not in HOP_BY_HOP:
                        response.headers.add(key, value)
                await response.prepare(request)
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    await response.write(chunk)
                await response.write_eof()
                return response
        except TimeoutError:
            return _page(504)
        except aiohttp.ClientError as error:
            return _page(502, str(error))


def _page(status: int, why: str = "") -> web.Response:
    """ALB's own page; the reason, which ALB would not tell, goes into a header of its own."""
    title = PAGES[status]
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    headers = {"Server": "awselb/2.0", **({"X-Hubplane-Reason": " ".join(why.split())[:300]} if why else {})}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
