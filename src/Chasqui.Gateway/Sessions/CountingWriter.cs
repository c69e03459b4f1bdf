using System.Buffers;

namespace Chasqui.Gateway.Sessions;

/// <summary>Takes what is written, and keeps nothing of it. Not thread-safe.</summary>
internal sealed class CountingWriter : IBufferWriter<byte>
{
    private byte[] _room = new byte[256];

    public void Advance(int count)
    {
        // The writer itself counts.
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _room.Length >= sizeHint ? _room : _room = new byte[sizeHint];

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
