using System.Buffers;
using System.IO.Pipelines;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.Server;

/// <summary>An HTTP answer that goes to several readers: what is flushed together becomes one part.</summary>
internal sealed class SharedResponse : IHttpResponseFeature, IHttpResponseBodyFeature
{
    private readonly SharedStream<SharedPart> _stream;
    private readonly RequestMeasure? _measure;
    private readonly Stack<(Func<object, Task> Callback, object State)> _starting = new();

    /// <param name="stream">Where the answer goes.</param>
    /// <param name="measure">Counts the answer; null where nothing is measured.</param>
    public SharedResponse(SharedStream<SharedPart> stream, RequestMeasure? measure)
    {
        (_stream, _measure) = (stream, measure);
        Stream = new BodyStream(this);
        Writer = PipeWriter.Create(Stream, new StreamPipeWriterOptions(leaveOpen: true));
        Body = Stream;
    }

    public int StatusCode { get; set; } = 200;

    public string? ReasonPhrase { get; set; }

    public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

    public Stream Body { get; set; }

    public bool HasStarted { get; private set; }

    public Stream Stream { get; }

    public PipeWriter Writer { get; }

    public void OnStarting(Func<object, Task> callback, object state) => _starting.Push((callback, state));

    public void OnCompleted(Func<object, Task> callback, object state)
    {
        // Nobody on its way asks for that.
    }

    public void DisableBuffering()
    {
    }

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (HasStarted)
            return;
        while (_starting.TryPop(out var next))
            await next.Callback(next.State).ConfigureAwait(false);
        HasStarted = true;
        await _stream.WriteAsync(new SharedPart(new SharedHead(StatusCode, [.. Headers]), default), cancellationToken).ConfigureAwait(false);
    }

    public async Task CompleteAsync()
    {
        await Writer.FlushAsync().ConfigureAwait(false);
        await StartAsync().ConfigureAwait(false);
    }

    private sealed class BodyStream(SharedResponse response) : Stream
    {
        private readonly ArrayBufferWriter<byte> _held = new();

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _held.Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            await response.StartAsync(cancellationToken).ConfigureAwait(false);
            if (_held.WrittenCount == 0)
                return;
            var part = _held.WrittenSpan.ToArray();
            _held.ResetWrittenCount();
            await response._stream.WriteAsync(new SharedPart(null, part, response._measure?.PassedTokens ?? 0), cancellationToken).ConfigureAwait(false);
        }

        public override void Flush() => throw new InvalidOperationException("answers are written asynchronously");

        public override void Write(byte[] buffer, int offset, int count) => throw new InvalidOperationException("answers are written asynchronously");

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
