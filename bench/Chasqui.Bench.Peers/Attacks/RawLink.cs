using System.Net.Sockets;
using System.Text;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>A connection on which anything may be said.</summary>
/// <param name="socket">Connected; disposed with this.</param>
/// <param name="token">Ends all waiting.</param>
internal sealed class RawLink(Socket socket, CancellationToken token) : IDisposable
{
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(200);

    private readonly byte[] _buffer = new byte[64 * 1024];

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await socket.SendAsync(bytes, token)..];
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>What comes next; empty at the end.</summary>
    public async Task<string> ReadAsync() => Encoding.Latin1.GetString(_buffer, 0, await socket.ReceiveAsync(_buffer, token));

    /// <summary>Reads until the gateway closes.</summary>
    public async Task DrainAsync()
    {
        while (await socket.ReceiveAsync(_buffer, token) > 0)
        {
        }
    }

    /// <summary>Waits without reading until the gateway has ended the connection.</summary>
    public async Task HoldAsync()
    {
        while (!socket.Poll(0, SelectMode.SelectError) && !(socket.Available == 0 && socket.Poll(0, SelectMode.SelectRead)))
            await Task.Delay(_look, token);
    }

    /// <summary>The end comes as a reset, not in order.</summary>
    public void Break() => socket.LingerState = new LingerOption(true, 0);

    public void Dispose() => socket.Dispose();
}
