using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Requests to registries that speak Ollama's dialect of the Docker registry API. Thread-safe.</summary>
internal sealed class RegistryClient : IDisposable
{
    private const int MaxToken = 1 << 20;
    private const int MaxTokens = 1000;
    private const int LeastUpload = 16 << 10;

    private readonly HttpClient _http;
    private readonly RegistryOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, string> _tokens = new(StringComparer.Ordinal);

    public RegistryClient(RegistryOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = new RegistryDialer(options.Private).ConnectAsync,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxAutomaticRedirections = 10,
            UseCookies = false,
            // What is stored is what the digest was made of.
            AutomaticDecompression = DecompressionMethods.None,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("chasqui", typeof(RegistryClient).Assembly.GetName().Version?.ToString(3)));
    }

    /// <summary>Sends a request, with a token if the registry asks for one, and gives its answer once its head is there.</summary>
    /// <param name="reference">Whose model it is about.</param>
    /// <param name="make">Makes the request; called again where it has to be sent again.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>A status below 400; to be disposed.</returns>
    /// <exception cref="RegistryException">There is none.</exception>
    public async Task<HttpResponseMessage> SendAsync(RegistryReference reference, Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        var response = await OnceAsync(reference, make, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && Challenge(response) is { } challenge)
        {
            response.Dispose();
            if (_tokens.Count >= MaxTokens)
                _tokens.Clear();
            _tokens[reference.Key] = await TokenAsync(reference, challenge, cancellationToken).ConfigureAwait(false);
            response = await OnceAsync(reference, make, cancellationToken).ConfigureAwait(false);
        }
        if ((int)response.StatusCode < 400)
            return response;
        using (response)
            throw RegistryException.Of(response);
    }

    /// <summary>A limit on silence, to be pushed back with every sign of life.</summary>
    public CancellationTokenSource Watch() => new(_options.Stall, _time);

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> OnceAsync(RegistryReference reference, Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        using var request = make();
        // A token is for the registry alone, not for where it sends us.
        if (_tokens.TryGetValue(reference.Key, out var token) && IsRegistry(reference, request.RequestUri!))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        // What is sent takes its time; a registry that takes less than this in a second is as good as silent.
        var patience = _options.Stall + TimeSpan.FromSeconds((request.Content?.Headers.ContentLength ?? 0) / (double)LeastUpload);
        using var silence = new CancellationTokenSource(patience, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw RegistryException.Of(e, request.Method, request.RequestUri!);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"{request.RequestUri!.Authority} did not answer within {patience.TotalSeconds:0.#} s", mayRetry: true, e);
        }
    }

    private static bool IsRegistry(RegistryReference reference, Uri uri) =>
        uri.Authority.Equals(reference.Manifest.Authority, StringComparison.OrdinalIgnoreCase);

    private static BearerChallenge? Challenge(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out var values)
            ? values.Select(BearerChallenge.Parse).FirstOrDefault(challenge => challenge is not null) : null;

    private async Task<string> TokenAsync(RegistryReference reference, BearerChallenge challenge, CancellationToken cancellationToken)
    {
        if (challenge.Realm.Scheme != "https" && reference.Scheme == "https")
            throw new RegistryException($"the registry {reference.Name.Host} wants a token fetched without TLS, which is refused", mayRetry: false);
        using var silence = Watch();
        using var both = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            using var response = await _http.GetAsync(challenge.TokenAddress, HttpCompletionOption.ResponseHeadersRead, both.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                throw new RegistryException($"unauthorized: {challenge.Realm.Authority} gives no token ({(int)response.StatusCode})", (int)response.StatusCode >= 500);
            await response.Content.LoadIntoBufferAsync(MaxToken, both.Token).ConfigureAwait(false);
            var json = JsonElement.Parse(await response.Content.ReadAsByteArrayAsync(both.Token).ConfigureAwait(false));
            var token = OllamaConfig.Text(json, "token") is { Length: > 0 } text ? text : OllamaConfig.Text(json, "access_token");
            return token.Length > 0 && token.All(c => c is > ' ' and < (char)127) ? token
                : throw new RegistryException($"unauthorized: {challenge.Realm.Authority} gives no token", mayRetry: false);
        }
        catch (HttpRequestException e)
        {
            throw RegistryException.Of(e, HttpMethod.Get, challenge.TokenAddress);
        }
        catch (JsonException e)
        {
            throw new RegistryException($"unauthorized: {challenge.Realm.Authority} gives no token", mayRetry: false, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"{challenge.Realm.Authority} did not answer within {_options.Stall.TotalSeconds:0.#} s", mayRetry: true, e);
        }
    }
}
