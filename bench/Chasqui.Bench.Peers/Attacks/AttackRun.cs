using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Chasqui.Protocol;
using Chasqui.Transport;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>One attack for as long as it lasts.</summary>
/// <param name="target">The gateway.</param>
/// <param name="seed">What decides about what is made up.</param>
/// <param name="token">Ends it.</param>
internal sealed class AttackRun(AttackTarget target, int seed, CancellationToken token) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1000 }) { BaseAddress = target.Http, Timeout = Timeout.InfiniteTimeSpan };
    private long _count;

    public AttackTarget Target => target;

    public CancellationToken Token => token;

    /// <summary>How often something was done that was meant to hurt.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Something was done that was meant to hurt.</summary>
    public void Did() => Interlocked.Increment(ref _count);

    /// <summary>Lets several do something again and again until the attack is over, whatever the gateway makes of it.</summary>
    /// <param name="actors">How many.</param>
    /// <param name="pause">Milliseconds between two times.</param>
    /// <param name="act">What each does, with its number and its own chance.</param>
    public Task RepeatAsync(int actors, int pause, Func<int, Random, Task> act) => Task.WhenAll(Enumerable.Range(0, actors).Select(async actor =>
    {
        var random = new Random(unchecked(seed + (actor * 7919)));
        while (!token.IsCancellationRequested)
        {
            try
            {
                await act(actor, random);
            }
            catch (Exception e) when (IsDefence(e))
            {
                // The gateway defends itself, or the attack is over.
            }
            await Task.Delay(pause, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }));

    /// <summary>A request with a key; its answer is read to its end and thrown away.</summary>
    /// <returns>The status.</returns>
    public async Task<int> SendAsync(HttpMethod method, string path, HttpContent? body, string? key = null, Action<HttpRequestHeaders>? headers = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + (key ?? target.Key));
        headers?.Invoke(request.Headers);
        Did();
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token);
        await answer.Content.CopyToAsync(Stream.Null, token);
        return (int)answer.StatusCode;
    }

    /// <summary>A POST of JSON.</summary>
    public Task<int> PostAsync(string path, string json, string? key = null, Action<HttpRequestHeaders>? headers = null) =>
        SendAsync(HttpMethod.Post, path, new StringContent(json, Encoding.UTF8, "application/json"), key, headers);

    /// <summary>A connection of HTTP to speak by hand.</summary>
    /// <param name="receiveBuffer">Bytes that the system keeps for who does not read; 0 for as many as usual.</param>
    public async Task<RawLink> DialAsync(int receiveBuffer = 0)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (receiveBuffer > 0)
                socket.ReceiveBufferSize = receiveBuffer;
            await socket.ConnectAsync(target.Http.Host, target.HttpPort, token);
            return new RawLink(socket, token);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The beginning of a request with a key, up to what is given and the empty line.</summary>
    public string Head(string line, params string[] headers) =>
        $"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {target.Key}\r\nContent-Type: application/json\r\n{string.Concat(headers.Select(header => header + "\r\n"))}\r\n";

    public void Dispose() => _http.Dispose();

    // What a gateway that ends connections and refuses requests makes a client throw.
    private static bool IsDefence(Exception exception) => exception is IOException or SocketException or HttpRequestException or WebSocketException or OperationCanceledException
        or ConnectionClosedException or StreamException or ProtocolException or ObjectDisposedException or InvalidOperationException;
}
