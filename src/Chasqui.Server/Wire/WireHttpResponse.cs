using System.IO.Pipelines;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.Server;

/// <summary>The HTTP answer to a call: head and body go out as messages when they are written.</summary>
internal sealed class WireHttpResponse : IHttpResponseFeature, IHttpResponseBodyFeature
{
    private readonly IncomingCall _call;
    private readonly WireAnswer _answer;
    private readonly Stack<(Func<object, Task> Callback, object State)> _starting = new();
    private readonly Stack<(Func<object, Task> Callback, object State)> _completed = new();
    private bool _ended;

    public WireHttpResponse(IncomingCall call, WireAnswer answer)
    {
        _call = call;
        _answer = answer;
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

    public void OnCompleted(Func<object, Task> callback, object state) => _completed.Push((callback, state));

    public void DisableBuffering()
    {
    }

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (HasStarted)
            return;
        while (_starting.TryPop(out var next))
            await next.Callback(next.State).ConfigureAwait(false);
        HasStarted = true;
        var head = new HeaderList().Add("status", StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture));
        // Anthropic's API has an id of its own under that name.
        var hasOwnId = Headers.ContainsKey(AnthropicId.Header);
        var connection = Headers.Connection.Count == 0 ? null : Headers.Connection.ToString();
        foreach (var (name, values) in Headers)
        {
            // A message has its own length here, and no connection is the answer's own.
            if (name.ToLowerInvariant() is var field and not "content-length" && !ConnectionHeaders.IsOne(field) && !ConnectionHeaders.Names(connection, field))
                Add(head, field, values.ToString(), hasOwnId);
        }

        await _answer.BeginAsync(head, cancellationToken).ConfigureAwait(false);
    }

    private static void Add(HeaderList head, string name, string value, bool hasOwnId)
    {
        // It has a shorter name here, and the table of fields is not for what never comes again.
        if (name != "x-request-id")
            head.Add(name, value);
        else if (!hasOwnId)
            head.Add("request-id", value, sensitive: true);
    }

    public async Task CompleteAsync()
    {
        if (_ended)
            return;
        await Writer.FlushAsync().ConfigureAwait(false);
        await StartAsync().ConfigureAwait(false);
        _ended = true;
        await _call.CompleteAsync().ConfigureAwait(false);
        while (_completed.TryPop(out var next))
            await next.Callback(next.State).ConfigureAwait(false);
    }

    private sealed class BodyStream(WireHttpResponse response) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await response.StartAsync(cancellationToken).ConfigureAwait(false);
            if (!buffer.IsEmpty)
                await response._call.WriteAsync(buffer, end: false, cancellationToken).ConfigureAwait(false);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => response.StartAsync(cancellationToken);

        public override void Flush() => throw new InvalidOperationException("answers are written asynchronously");

        public override void Write(byte[] buffer, int offset, int count) => throw new InvalidOperationException("answers are written asynchronously");

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
