using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Protocol.Messages;
using Google.Protobuf;

namespace Chasqui.Client;

/// <summary>Streams that go on over another connection when theirs is lost, each message once.</summary>
internal sealed class Resuming(Caller caller, ChasquiClientOptions options, TimeProvider time)
{
    private const string GenerationField = "generation";

    /// <summary>A generation that the gateway keeps, asked for by the same request as often as it takes.</summary>
    internal async IAsyncEnumerable<GenerationUpdate> GenerateAsync(
        string operation, IMessage request, CallOptions call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var id = call.GenerationId ?? "g-" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", 24);
        var body = request.ToByteArray();
        var received = 0L;
        var isKept = true;
        HeaderList Headers()
        {
            // No other request has the same.
            var headers = caller.Headers(operation, call).Add(GenerationField, id, sensitive: true);
            return received == 0 ? headers : headers.Add("offset", received.ToString(CultureInfo.InvariantCulture), sensitive: true);
        }

        void Begun(HeaderList answer) => isKept = answer[GenerationField] is not null;
        bool Knows(ClientException e) => isKept && e.Error.Code != "generation_not_found";
        await foreach (var update in StreamAsync(() => (Headers(), body), GenerationUpdate.Parser, call, Begun, Knows, cancellationToken).ConfigureAwait(false))
        {
            received++;
            yield return update;
        }
    }

    /// <summary>The events of a channel that the gateway keeps.</summary>
    internal async IAsyncEnumerable<ChannelEvent> FollowAsync(string channel, ulong after, CallOptions call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        byte[] Body() => new SubscribeRequest { Channel = channel, After = after }.ToByteArray();
        await foreach (var next in StreamAsync(
            () => (caller.Headers(Protocol.Operations.Operation.ChannelSubscribe, call), Body()), ChannelEvent.Parser, call, static _ => { }, static _ => true, cancellationToken)
            .ConfigureAwait(false))
        {
            after = next.Number;
            yield return next;
        }
    }

    /// <param name="request">Headers and body of the next try.</param>
    /// <param name="parser">Reads the messages.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="begun">Told the head of each answer.</param>
    /// <param name="knows">Whether there is still something to come back to after a failure.</param>
    /// <param name="cancellationToken">The caller's.</param>
    private async IAsyncEnumerable<T> StreamAsync<T>(
        Func<(HeaderList Headers, byte[] Body)> request, MessageParser<T> parser, CallOptions call, Action<HeaderList> begun, Func<ClientException, bool> knows,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        using var scope = caller.Scope(call, cancellationToken);
        ClientException? lost = null;
        var lostAt = 0L;
        for (var failures = 0; ; failures++)
        {
            var current = new Attempt<T>();
            await using (current.ConfigureAwait(false))
            {
                ClientException failure;
                while (true)
                {
                    T? message;
                    try
                    {
                        if (current.Stream is null)
                        {
                            var (headers, body) = request();
                            (current.Stream, current.Answer) = await caller.StartAsync(headers, body, call, scope).ConfigureAwait(false);
                            if (Caller.StatusOf(current.Answer) < 400)
                                begun(current.Answer);
                        }
                        message = await Caller.NextAsync(current.Stream, current.Answer!, parser, scope).ConfigureAwait(false);
                    }
                    catch (ClientException e)
                    {
                        failure = e;
                        break;
                    }
                    if (message is null)
                        yield break;
                    (lost, failures) = (null, 0);
                    yield return message;
                }
                // What is told in the end is how it began.
                if (lost is null)
                    (lost, lostAt) = (failure, time.GetTimestamp());
                if (!IsLoss(failure) || !knows(failure) || time.GetElapsedTime(lostAt) >= options.ResumeWithin)
                    throw !IsLoss(lost) || ReferenceEquals(lost, failure) ? failure : ClientException.NotResumed(lost, failure);
            }
            await caller.PauseAsync(failures, scope).ConfigureAwait(false);
        }
    }

    // UNAVAILABLE is what a gateway that goes says of what it could not bring to its end.
    private static bool IsLoss(ClientException e) => e.IsConnectionLost || e.Reset == ErrorCode.Unavailable || e.Error.Code == "unreachable";

    private sealed class Attempt<T> : IAsyncDisposable
    {
        public Transport.OutgoingCall? Stream { get; set; }

        public HeaderList? Answer { get; set; }

        public ValueTask DisposeAsync() => Stream?.DisposeAsync() ?? default;
    }
}
