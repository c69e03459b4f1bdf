using System.Security.Cryptography;
using Chasqui.Engines.Models;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Tests.Models;

public sealed class ModelStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ListLogger<ModelStore> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_in_the_folder_is_a_model()
    {
        var path = GgufWriter.Llama().Save(_folder.Path, "mini.gguf");

        var listed = Assert.Single(Store().List(Token));
        Assert.Equal("mini:latest", listed.Name);
        Assert.Equal(new FileInfo(path).Length, listed.SizeBytes);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))), listed.Digest);
        Assert.Equal("llama", listed.Details.Family);
        Assert.Equal("Q8_0", listed.Details.QuantizationLevel);
        Assert.Equal(256, listed.Details.ContextLength);
        Assert.Equal(["completion"], listed.Capabilities);

        var found = Store().Find("MINI", Token);
        Assert.Equal(listed, found.Summary with { Capabilities = listed.Capabilities });
        Assert.Equal(path, found.Path);
        Assert.False(found.TemplateIsGo);
        Assert.StartsWith("{% for", found.Template, StringComparison.Ordinal);
        Assert.Equal(1312, found.Metadata["general.parameter_count"]!.GetValue<long>());
        Assert.Equal(2, found.Tensors.Count);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void What_comes_changes_and_goes_while_the_program_runs_is_seen()
    {
        var store = Store();
        Assert.Empty(store.List(Token));
        var path = GgufWriter.Llama().Save(_folder.Path, "a.gguf");
        var digest = Assert.Single(store.List(Token)).Digest;
        GgufWriter.Llama().Set("llama.context_length", 512u).Set("x", "longer").Save(_folder.Path, "a.gguf");
        var changed = Assert.Single(store.List(Token));
        Assert.NotEqual(digest, changed.Digest);
        Assert.Equal(512, changed.Details.ContextLength);
        Assert.Equal(512, store.Find("a", Token).Summary.Details.ContextLength);
        File.Delete(path);
        Assert.Empty(store.List(Token));
        Assert.Throws<ModelNotFoundException>(() => store.Find("a", Token));
    }

    [Fact]
    public void The_newest_comes_first_and_ties_within_a_second_are_ordered_by_name()
    {
        var second = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        foreach (var (name, time) in new[]
        {
            ("b", second.AddMilliseconds(10)), ("A", second.AddMilliseconds(900)), ("c", second), ("old", second.AddSeconds(-1)), ("new", second.AddSeconds(1)),
        })
        {
            File.SetLastWriteTimeUtc(GgufWriter.Llama().Save(_folder.Path, name + ".gguf"), time);
        }
        Assert.Equal(["new:latest", "A:latest", "b:latest", "c:latest", "old:latest"], Store().List(Token).Select(m => m.Name));
    }

    [Fact]
    public void A_damaged_file_is_left_out_and_told_of_once()
    {
        GgufWriter.Llama().Save(_folder.Path, "good.gguf");
        _folder.Write("junk.gguf", "This is no model."u8.ToArray());
        _folder.Write("empty.gguf", []);
        _folder.Write("cut.gguf", GgufWriter.Llama().ToArray()[..^40]);
        _folder.Write("readme.txt", [1]);
        var store = Store();

        for (var i = 0; i < 3; i++)
            Assert.Equal(["good:latest"], store.List(Token).Select(m => m.Name));

        Assert.Equal(
            [
                "Model cut:latest is left out: the file ends inside",
                "Model empty:latest is left out: the file is empty",
                "Model junk:latest is left out: the file is not in the GGUF format",
            ],
            _log.Lines.Select(l => l.Text).Order(StringComparer.Ordinal).Zip([50, 49, 65], (text, length) => text[..length]));
        Assert.All(_log.Lines, l => Assert.Equal(LogLevel.Warning, l.Level));
    }

    [Theory]
    [InlineData("junk", "not in the GGUF format")]
    [InlineData("lora", "\"adapter\" and not a model")]
    [InlineData("mmproj", "not a model by itself")]
    public void Asking_for_a_file_that_is_no_model_says_why(string name, string says)
    {
        _folder.Write("junk.gguf", "This is no model."u8.ToArray());
        GgufWriter.Llama().Set("general.type", "adapter").Save(_folder.Path, "lora.gguf");
        new GgufWriter().Set("general.architecture", "clip").Tensor("v.weight", 4).Save(_folder.Path, "mmproj.gguf");
        var error = Assert.Throws<ModelLoadException>(() => Store().Find(name, Token));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Equal(name + ":latest", error.Model);
    }

    [Fact]
    public void A_file_repaired_in_place_is_found_again()
    {
        var store = Store();
        _folder.Write("a.gguf", "junk"u8.ToArray());
        Assert.Throws<ModelLoadException>(() => store.Find("a", Token));
        Assert.Empty(store.List(Token));
        GgufWriter.Llama().Save(_folder.Path, "a.gguf");
        Assert.Single(store.List(Token));
        Assert.Equal("a:latest", store.Find("a", Token).Summary.Name);
    }

    [Fact]
    public void A_name_that_is_not_there_gives_the_nearest_names()
    {
        foreach (var name in new[] { "mini", "mini-q4", "minotaur", "llama", "qwen" })
            GgufWriter.Llama().Save(_folder.Path, name + ".gguf");

        Assert.Equal(["mini:latest"], Suggestions("minii").Take(1));
        Assert.Equal(["mini:latest", "mini-q4:latest"], Suggestions("min").Take(2));
        Assert.Equal(["mini:latest"], Suggestions("mini:7b").Take(1));
        Assert.Equal(["llama:latest"], Suggestions("lama"));
        Assert.Empty(Suggestions("something-else-entirely"));
        Assert.True(Suggestions("mini-").Count <= 3);

        IReadOnlyList<string> Suggestions(string name) =>
            Assert.Throws<ModelNotFoundException>(() => Store().Find(name, Token)).Suggestions;
    }

    [Theory]
    [InlineData("../mini")]
    [InlineData("a b")]
    [InlineData("")]
    public void A_name_of_another_form_is_refused(string name) =>
        Assert.Throws<InvalidModelNameException>(() => Store().Find(name, Token));

    [Fact]
    public void Direct_subfolders_are_searched_and_deeper_ones_are_not()
    {
        GgufWriter.Llama().Save(_folder.Make("mini"), "one.gguf");
        GgufWriter.Llama().Save(_folder.Make("mini/deep"), "two.gguf");
        Assert.Equal(["one:latest"], Store().List(Token).Select(m => m.Name));
    }

    [Fact]
    public void Of_two_files_with_one_name_the_first_is_used_and_the_other_is_told_of()
    {
        string first = _folder.Make("first"), second = _folder.Make("second");
        var used = GgufWriter.Llama().Save(first, "a b.gguf");
        GgufWriter.Llama().Save(second, "a-b.gguf");
        var store = new ModelStore(new ModelStoreOptions { Folders = [first, second], OllamaFolder = "" }, _log);

        Assert.Single(store.List(Token));
        Assert.Single(store.List(Token));
        Assert.Equal(used, store.Find("a-b", Token).Path);
        Assert.Contains("a-b:latest is already there", Assert.Single(_log.Lines).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_is_passed_over_with_one_warning()
    {
        GgufWriter.Llama().Save(_folder.Path, "mini.gguf");
        var missing = Path.Combine(_folder.Path, "missing");
        var store = new ModelStore(new ModelStoreOptions { Folders = [missing, _folder.Path], OllamaFolder = missing }, _log);
        Assert.Single(store.List(Token));
        Assert.Single(store.List(Token));
        Assert.All(_log.Lines, l => Assert.Contains("missing", l.Text, StringComparison.Ordinal));
        Assert.NotEmpty(_log.Lines);
    }

    [Fact]
    public void A_folder_that_is_a_file_or_has_no_name_is_passed_over_with_a_warning()
    {
        var path = _folder.Write("file", [1]);
        var store = new ModelStore(new ModelStoreOptions { Folders = [path, "", "a\0b"], OllamaFolder = path }, _log);
        Assert.Empty(store.List(Token));
        Assert.NotEmpty(_log.Lines);
    }

    [Fact]
    public void A_folder_and_a_file_without_permission_are_passed_over_with_a_warning()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("permissions are set the Unix way here");
            return;
        }
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may read everything");
        var closed = _folder.Make("closed");
        GgufWriter.Llama().Save(closed, "a.gguf");
        var unreadable = GgufWriter.Llama().Save(_folder.Path, "b.gguf");
        File.SetUnixFileMode(unreadable, UnixFileMode.None);
        File.SetUnixFileMode(closed, UnixFileMode.None);
        try
        {
            Assert.Empty(Store().List(Token));
            Assert.Equal(2, _log.Lines.Count);
            Assert.Contains("permission", Assert.Throws<ModelLoadException>(() => Store().Find("b", Token)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void A_link_stands_for_its_file_and_a_dangling_one_is_left_out()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        var store = Store();
        var target = GgufWriter.Llama().Save(_folder.Make("a/b"), "blob");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "linked.gguf"), target);
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "dangling.gguf"), target + "-missing");

        var listed = Assert.Single(store.List(Token));
        Assert.Equal("linked:latest", listed.Name);
        Assert.Equal(new FileInfo(target).Length, listed.SizeBytes);
        Assert.Contains("dangling", Assert.Single(_log.Lines).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_in_several_files_is_listed_once_with_its_whole_size()
    {
        var sizes = Enumerable.Range(0, 3).Select(i => new FileInfo(Part(i, 3).Save(_folder.Path, $"big-0000{i + 1}-of-00003.gguf")).Length).Sum();

        var listed = Assert.Single(Store().List(Token));
        Assert.Equal("big:latest", listed.Name);
        Assert.Equal(sizes, listed.SizeBytes);
        var opened = Store().Open("big", Token);
        Assert.Equal(3, opened.Files.Count);
        Assert.EndsWith("big-00001-of-00003.gguf", opened.Description.Path, StringComparison.Ordinal);
        Assert.Equal(["t0", "t1", "t2"], opened.Description.Tensors.Select(t => t.Name));
        Assert.Equal(24, opened.Description.Metadata["general.parameter_count"]!.GetValue<long>());
    }

    [Fact]
    public void A_model_of_which_a_part_is_missing_or_swapped_cannot_be_loaded()
    {
        Part(0, 2).Save(_folder.Path, "a-00001-of-00002.gguf");
        Assert.Contains("a-00002-of-00002.gguf is missing", ErrorOf("a"), StringComparison.Ordinal);
        Part(0, 2).Save(_folder.Path, "a-00002-of-00002.gguf");
        Assert.Contains("is not part 2", ErrorOf("a"), StringComparison.Ordinal);
        Part(0, 2).Save(_folder.Path, "renamed.gguf");
        Assert.Contains("one of 2 parts", ErrorOf("renamed"), StringComparison.Ordinal);
        Assert.Empty(Store().List(Token));

        string ErrorOf(string name) => Assert.Throws<ModelLoadException>(() => Store().Find(name, Token)).Message;
    }

    [Fact]
    public async Task Many_threads_may_list_and_find_while_files_come_and_go()
    {
        GgufWriter.Llama().Save(_folder.Path, "stays.gguf");
        var store = Store();
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(
            () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    Assert.Contains(store.List(Token), m => m.Name == "stays:latest");
                    Assert.Equal("stays:latest", store.Find("stays", Token).Summary.Name);
                }
            }, Token)).ToArray();
        for (var i = 0; i < 50; i++)
        {
            var path = GgufWriter.Llama().Save(_folder.Path, "comes.gguf");
            File.Delete(path);
        }
        await Task.WhenAll(readers);
    }

    [Fact]
    public void A_large_file_is_told_from_another_by_a_sample_of_it()
    {
        var digests = new FileDigests();
        var path = Path.Combine(_folder.Path, "large");
        using (var file = File.Create(path))
            file.SetLength(FileDigests.WholeUpTo + 12_345);
        var zeros = Digest();
        Assert.Equal(zeros, Digest());

        using (var file = File.OpenWrite(path))
        {
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte(1);
        }
        var lastByte = new FileDigests().Of([FileStamp.Of(path)], Token);
        Assert.NotEqual(zeros, lastByte);
        using (var file = File.OpenWrite(path))
            file.SetLength(file.Length + 1);
        Assert.NotEqual(lastByte, new FileDigests().Of([FileStamp.Of(path)], Token));

        string Digest() => digests.Of([FileStamp.Of(path)], Token);
    }

    private ModelStore Store() => new(new ModelStoreOptions { Folders = [_folder.Path], OllamaFolder = "" }, _log);

    private static GgufWriter Part(int number, int count)
    {
        var part = new GgufWriter().Set("general.architecture", "llama");
        if (number == 0)
        {
            part.Set("llama.block_count", 2u).Set("llama.context_length", 256u)
                .Set("llama.embedding_length", 32u).Set("llama.attention.head_count", 4u);
        }
        return part.Set("split.no", (ushort)number).Set("split.count", (ushort)count).Tensor($"t{number}", 8);
    }
}
